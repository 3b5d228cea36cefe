//! Embeds `rules/<group>/<id>.yaml` and `templates/` by directory, and for each rule its smallest bad case with the nearest
//! good one.
#![expect(clippy::disallowed_methods, reason = "the build reads the rules and templates of the repository itself")]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    println!("cargo:rerun-if-changed=build.rs");
    fs::write(out.join("rules.rs"), embedded(&root.join("rules"), "yaml")?)?;
    fs::write(out.join("templates.rs"), embedded(&root.join("templates"), "j2")?)?;
    fs::write(out.join("samples.rs"), samples(&root.join("testdata/rules"))?)
}

/// A list of (path below the folder, text) for every file with that extension, sorted.
fn embedded(base: &Path, extension: &str) -> io::Result<String> {
    println!("cargo:rerun-if-changed={}", base.display());
    let mut files = Vec::new();
    collect(base, extension, &mut files)?;
    files.sort();
    let mut code = String::from("&[\n");
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
        let name = file.strip_prefix(base).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        code.push_str(&format!("    ({name:?}, include_str!({:?})),\n", file.display().to_string()));
    }
    code.push_str("]\n");
    Ok(code)
}

/// Files of one case: path below the case, and where it lies.
type Case = Vec<(String, PathBuf)>;

/// `(rule, [(case, [(path, text)])])` for every folder of cases; none where the folder is not part of the package.
fn samples(dir: &Path) -> io::Result<String> {
    let mut code = String::from("&[\n");
    for rule in folders(dir)? {
        let mut bad = Vec::new();
        let mut good = Vec::new();
        for case in folders(&rule)? {
            let files = case_files(&case)?;
            if name(&case).starts_with("bad-") {
                bad.push((size(&files)?, name(&case), files));
            } else if name(&case).starts_with("good-") {
                good.push((name(&case), files));
            }
        }
        bad.sort();
        let Some((_, bad_name, bad_files)) = bad.into_iter().next() else { continue };
        let mut near = Vec::new();
        for (good_name, files) in good {
            near.push((difference(&bad_files, &files)?, good_name, files));
        }
        near.sort();
        code.push_str(&format!("    ({:?}, &[\n", name(&rule)));
        for (case, files) in [(bad_name, bad_files)].into_iter().chain(near.into_iter().next().map(|(_, n, f)| (n, f)))
        {
            code.push_str(&format!("        ({case:?}, &[\n"));
            for (path, file) in files {
                code.push_str(&format!("            ({path:?}, include_str!({:?})),\n", file.display().to_string()));
            }
            code.push_str("        ]),\n");
        }
        code.push_str("    ]),\n");
    }
    code.push_str("]\n");
    Ok(code)
}

/// Sub-folders, sorted.
fn folders(dir: &Path) -> io::Result<Vec<PathBuf>> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    println!("cargo:rerun-if-changed={}", dir.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The input files of a case: what is expected and what explains it are no input.
fn case_files(case: &Path) -> io::Result<Case> {
    let mut found = Vec::new();
    let mut open = vec![case.to_owned()];
    while let Some(dir) = open.pop() {
        println!("cargo:rerun-if-changed={}", dir.display());
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            let below = path.strip_prefix(case).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            if path.is_dir() {
                open.push(path);
            } else if !["expect.txt", "fixed.diff", "README.md"].contains(&below.as_str()) {
                println!("cargo:rerun-if-changed={}", path.display());
                found.push((below, path));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn size(files: &Case) -> io::Result<u64> {
    files.iter().map(|(_, file)| fs::metadata(file).map(|meta| meta.len())).sum()
}

/// Bytes of `files` that are not the same in `base`, and one for each file that only `base` has.
fn difference(base: &Case, files: &Case) -> io::Result<u64> {
    let mut total = 0;
    for (path, file) in files {
        let text = fs::read(file)?;
        let same = base.iter().find(|(other, _)| other == path).map(|(_, other)| fs::read(other)).transpose()?;
        if same.as_ref() != Some(&text) {
            total += text.len() as u64;
        }
    }
    Ok(total + base.iter().filter(|(path, _)| files.iter().all(|(other, _)| other != path)).count() as u64)
}

/// Every file with that extension below a folder; without the folder there are none.
fn collect(dir: &Path, wanted: &str, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    println!("cargo:rerun-if-changed={}", dir.display());
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, wanted, files)?;
        } else if path.extension().is_some_and(|extension| extension == wanted) {
            files.push(path);
        }
    }
    Ok(())
}

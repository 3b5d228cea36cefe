// Opens to the harness what k3s does with resolver files; put into its package by the build script.

package config

// OracleViable tells whether k3s takes a resolver file.
func OracleViable(path string) bool { return isValidResolvConf(path) }

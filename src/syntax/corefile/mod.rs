//! The Corefile: lexer, parser, imports and server block keys.

//! Writing a sheet to a file.

"""The rules that come with the package, and the reader of rule files."""

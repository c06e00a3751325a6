"""One verb, one module: typed functions over an open registry, callable without the command line."""

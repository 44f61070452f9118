"""The FUSE door: the only package that knows pyfuse3 and trio."""

"""Long tables of names and layouts, derived from the sources that each names."""

"""Parts of the pages for maps and searches."""

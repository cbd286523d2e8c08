"""What every driver needs to read lists, and no product owns: rows, pages, grouping, order, obeyed filters."""

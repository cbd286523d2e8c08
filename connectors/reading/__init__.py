"""What drivers of all products use to read lists: rows, pages, grouping, order, obeyed filters."""

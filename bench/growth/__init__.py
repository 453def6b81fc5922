"""What one identification costs as the library and the number of points grow, and what memory it takes."""

"""Reading results: gap closed and its interval, soft targets, quality, cost."""

"""Share the lines' hours out among the products: the problem, its optimum, what binds, what changed since."""

"""Policy rules beside the model: facts of a party against dated limits; they list hits and never change a PD."""

"""Exchange with other systems: what registers publish comes in, what graph tools read goes out."""

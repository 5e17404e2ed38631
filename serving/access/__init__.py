"""Who may do what: keys, roles, companies."""

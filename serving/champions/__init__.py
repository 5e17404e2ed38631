"""Models at run time: who serves, who stands by, who is switched off."""

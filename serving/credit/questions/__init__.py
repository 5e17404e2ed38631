"""What else is asked about a party: reasons, what if, portrait, exposure, inputs."""

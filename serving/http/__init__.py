"""HTTP: routes, problems, OpenAPI, languages."""

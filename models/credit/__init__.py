"""Credit risk: model, calibration, grades, advice."""

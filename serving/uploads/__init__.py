"""Tables that come and go over HTTP: read without trust, written so that a spreadsheet runs nothing."""

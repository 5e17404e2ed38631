"""Industry profiles: what differs between lines of two industries, as data of one file each."""

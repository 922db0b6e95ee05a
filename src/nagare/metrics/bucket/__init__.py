"""Blocks in a bucket: copies that outlive the machine, and the local folder as a bounded cache of them."""

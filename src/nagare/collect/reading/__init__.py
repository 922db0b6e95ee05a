"""What the sources share: reading files, rates, rows. It knows no table and no source."""

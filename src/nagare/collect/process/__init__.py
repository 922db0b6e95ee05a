"""The top processes by CPU, memory and input/output, at a cost that a busy host does not notice."""

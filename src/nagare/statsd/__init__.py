"""StatsD over UDP: what programs count and time themselves, gathered for an interval and stored as samples."""

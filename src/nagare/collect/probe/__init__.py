"""Latency to configured targets by ICMP, TCP, HTTP and DNS. It sends no credentials and follows no redirect."""

from nagare.wire.signature import signed_bytes


def test_what_is_signed_is_what_the_contract_says() -> None:
    expected = b"POST\n/api/v1/metrics/batch\nzstd\nba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert signed_bytes("/api/v1/metrics/batch", "zstd", b"abc") == expected


def test_each_part_counts() -> None:
    signed = {
        signed_bytes(*parts)
        for parts in [("/a", "gzip", b""), ("/b", "gzip", b""), ("/a", "zstd", b""), ("/a", "gzip", b"x")]
    }
    assert len(signed) == 4

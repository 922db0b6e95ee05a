"""Updates of agents: what is published and signed, and rollouts that go on only while hosts stay well."""

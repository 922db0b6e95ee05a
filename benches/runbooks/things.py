"""The things that break: what pages call each, what alerts call it, and what only its own page knows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """``slug`` names its files; ``written`` is for pages, ``alerted`` for alerts, ``camel`` for names in camel case."""

    slug: str
    written: tuple[str, ...]
    alerted: tuple[str, ...]
    camel: str
    hosts: tuple[str, ...]
    lore: tuple[str, ...]


THINGS = (
    Thing("postgresql", ("PostgreSQL", "the Postgres database"), ("postgres", "PG", "psql"), "Postgres", ("pg1", "pg-main-2"),
          ("Look at `pg_stat_activity` for who waits.", "The configuration stands in `postgresql.conf`.")),
    Thing("mysql", ("MySQL", "the MariaDB server"), ("mysqld", "MySQL", "mariadb"), "Mysql", ("maria-1", "my-prod-3"),
          ("`SHOW PROCESSLIST` tells what it is about.", "InnoDB writes its own report: `SHOW ENGINE INNODB STATUS`.")),
    Thing("redis", ("Redis", "the Redis store"), ("redis-server", "Redis"), "Redis", ("kv1", "redis-a"),
          ("`redis-cli INFO` has all counters.", "Keys without a time to live stay for ever.")),
    Thing("kafka", ("Kafka", "the Kafka cluster"), ("kafka broker", "Kafka"), "Kafka", ("kfk-2", "stream3"),
          ("`kafka-topics.sh --describe` shows the partitions.", "The controller writes to `controller.log`.")),
    Thing("rabbitmq", ("RabbitMQ", "the message broker"), ("rabbit", "AMQP broker", "rabbitmq-server"), "RabbitMQ", ("rmq1", "mq-b"),
          ("`rabbitmqctl list_queues` shows what is in them.", "The Erlang cookie must be the same on each node.")),
    Thing("elasticsearch", ("Elasticsearch", "the search cluster"), ("elastic", "ES", "opensearch"), "Elasticsearch", ("es-7", "search2"),
          ("`GET _cat/shards` names the shards.", "Index templates decide the number of shards.")),
    Thing("nginx", ("nginx", "the web front end"), ("nginx", "web server", "reverse proxy"), "Nginx", ("edge1", "web-04"),
          ("`nginx -t` checks the files first.", "The access log has the upstream's time.")),
    Thing("haproxy", ("HAProxy", "the load balancer"), ("haproxy", "LB", "load balancer"), "HAProxy", ("lb-1", "lb-2"),
          ("`show stat` on the admin socket tells each backend.", "Weights are set in `haproxy.cfg`.")),
    Thing("etcd", ("etcd", "the etcd store"), ("etcd", "etcd member"), "Etcd", ("etcd-0", "cp-2"),
          ("`etcdctl endpoint status -w table` compares the members.", "Defragment one member at a time.")),
    Thing("kubelet", ("a Kubernetes node", "the kubelet"), ("kubelet", "k8s worker", "kube node"), "KubeNode", ("worker-11", "node-17"),
          ("`kubectl describe node` lists its conditions.", "Drain it before you touch it.")),
    Thing("ceph", ("Ceph", "the Ceph storage cluster"), ("ceph osd", "OSD", "rados pool"), "Ceph", ("osd-12", "stor-3"),
          ("`ceph health detail` names the placement groups.", "Set `noout` before maintenance.")),
    Thing("ldap", ("the LDAP directory", "OpenLDAP"), ("slapd", "directory service", "ldap"), "Ldap", ("ds1", "ldap-2"),
          ("`ldapsearch -x -s base` is the quickest probe.", "Replicas are listed under `cn=config`.")),
    Thing("mail", ("the mail relay", "Postfix"), ("smtp relay", "postfix", "MTA"), "Mail", ("mx1", "mail-out"),
          ("`postqueue -p` lists what is deferred.", "Bounces end in the mailbox of postmaster.")),
    Thing("dns", ("the DNS resolver", "Unbound"), ("name server", "resolver", "DNS"), "Dns", ("ns1", "resolv-2"),
          ("`dig @127.0.0.1 example.org` asks it directly.", "Forwarders stand in `unbound.conf`.")),
    Thing("vpn", ("the VPN gateway", "WireGuard"), ("vpn tunnel", "wg0", "site-to-site tunnel"), "Vpn", ("gw-ber", "vpn1"),
          ("`wg show` tells the latest handshake.", "Both ends need each other's public key.")),
    Thing("jenkins", ("Jenkins", "the build server"), ("CI controller", "jenkins", "build server"), "Jenkins", ("ci1", "build-3"),
          ("Its script console is at `/script`.", "Agents connect by port 50000.")),
    Thing("vault", ("Vault", "the secrets store"), ("vault", "secret store"), "Vault", ("vault-0", "sec1"),
          ("`vault status` says whether it is sealed.", "Unseal keys are with three people.")),
    Thing("minio", ("MinIO", "the object store"), ("s3 bucket store", "minio", "object storage"), "Minio", ("s3-1", "obj-2"),
          ("`mc admin info` shows the drives.", "Life-cycle rules remove old versions.")),
    Thing("registry", ("the container registry", "Harbor"), ("image registry", "harbor", "docker registry"), "Registry", ("reg1", "hub-2"),
          ("Garbage is collected on Sundays.", "Robots' accounts push the images.")),
    Thing("prometheus", ("Prometheus", "the metrics server"), ("prometheus", "TSDB", "metrics server"), "Prometheus", ("mon1", "prom-b"),
          ("`/tsdb-status` shows which labels weigh most.", "Rules are read again on SIGHUP.")),
)  # fmt: skip

"""What an application does with redis-py, against the port given: databases 0 and 1, RESP2 and RESP3."""
import sys

import redis


def use(port: int, database: int, protocol: int) -> None:
    client = redis.Redis(port=port, db=database, protocol=protocol, decode_responses=True, client_name="test")
    assert client.ping()
    client.flushdb()
    assert client.set("greeting", f"hello {database}") is True
    assert client.get("greeting") == f"hello {database}"
    assert client.set("greeting", "x", nx=True) is None
    assert client.incrby("counter", 5) == 5 and client.incr("counter") == 6
    assert client.mset({f"key:{n}": n for n in range(100)}) is True
    assert client.mget([f"key:{n}" for n in range(100)] + ["none"]) == [str(n) for n in range(100)] + [None]
    assert client.exists(*[f"key:{n}" for n in range(50)]) == 50
    assert client.delete(*[f"key:{n}" for n in range(100)]) == 100
    assert client.expire("greeting", 1000) and 990 < client.ttl("greeting") <= 1000
    assert client.rpush("list", "a", "b", "c") == 3 and client.lrange("list", 0, -1) == ["a", "b", "c"]
    assert client.hset("hash", mapping={"f": "1", "g": "2"}) == 2 and client.hgetall("hash") == {"f": "1", "g": "2"}
    assert client.sadd("set", "m", "n") == 2 and client.smembers("set") == {"m", "n"}
    assert client.zadd("scores", {"a": 1, "b": 2.5}) == 2
    ranked = client.zrange("scores", 0, -1, withscores=True)
    assert [tuple(pair) for pair in ranked] == [("a", 1.0), ("b", 2.5)], ranked
    assert sorted(client.scan_iter(match="*e*", count=3)) == sorted(client.keys("*e*"))
    assert client.dbsize() == 6, client.keys()
    pipe = client.pipeline(transaction=False)
    for n in range(1000):
        pipe.set(f"p:{n}", n)
        pipe.get(f"p:{n}")
    replies = pipe.execute()
    assert replies == [value for n in range(1000) for value in (True, str(n))]
    try:
        client.lpush("greeting", "x")
        raise AssertionError("a list command on a string must fail")
    except redis.ResponseError as error:
        assert "WRONGTYPE" in str(error)
    assert client.info("server")["redis_version"] == "7.2.4"
    assert client.client_getname() == "test"
    client.close()


for database in (0, 1):
    for protocol in (2, 3):
        use(int(sys.argv[1]), database, protocol)
first, second = (redis.Redis(port=int(sys.argv[1]), db=database) for database in (0, 1))
first.set("apart", "0")
second.set("apart", "1")
assert (first.get("apart"), second.get("apart")) == (b"0", b"1")
print("redis-py", redis.__version__, "works")


def listen(port: int, protocol: int) -> None:
    """A channel, a pattern and a shard channel, each heard once."""
    client = redis.Redis(port=port, protocol=protocol, decode_responses=True)
    with client.pubsub() as heard:
        heard.subscribe("news")
        heard.psubscribe("n*")
        heard.ssubscribe("shard")
        confirmed = [heard.get_message(timeout=20)["type"] for _ in range(3)]
        assert confirmed == ["subscribe", "psubscribe", "ssubscribe"], confirmed
        assert client.publish("news", "one") == 2 and client.spublish("shard", "two") == 1
        messages = [heard.get_message(timeout=20) for _ in range(3)]
        assert sorted((m["type"], m["data"]) for m in messages) == [
            ("message", "one"), ("pmessage", "one"), ("smessage", "two")], messages
        assert client.pubsub_numsub("news", "other") == [("news", 1), ("other", 0)]
    client.close()


def as_a_cluster(port: int, protocol: int) -> None:
    """A client of a Redis Cluster takes the proxy for all of it."""
    client = redis.RedisCluster(host="127.0.0.1", port=port, protocol=protocol, decode_responses=True)
    for n in range(100):
        assert client.set(f"of:cluster:{n}", n) is True
    assert [client.get(f"of:cluster:{n}") for n in range(100)] == [str(n) for n in range(100)]
    assert client.mset_nonatomic({"{a}1": "1", "b": "2"}) and client.mget_nonatomic("b", "{a}1", "c") == ["2", "1", None]
    assert client.cluster_keyslot("foo") == 12182 and client.cluster_info()["cluster_state"] == "ok"
    assert [node["flags"] for node in client.cluster_nodes().values()] == ["myself,master"]
    client.close()


for protocol in (2, 3):
    listen(int(sys.argv[1]), protocol)
    as_a_cluster(int(sys.argv[1]), protocol)

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

"""What an application does with Django's cache and its sessions, against the port given."""
import sys

import django
from django.conf import settings

location = f"redis://127.0.0.1:{sys.argv[1]}"
backend = "django.core.cache.backends.redis.RedisCache"
settings.configure(
    CACHES={
        "default": {"BACKEND": backend, "LOCATION": location, "KEY_PREFIX": "spread"},
        # `set_many` is one transaction: its keys must lie in one slot, which a hash tag sees to.
        "together": {"BACKEND": backend, "LOCATION": location, "KEY_PREFIX": "{shop}"},
    },
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
)
django.setup()

import redis  # noqa: E402
from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import caches  # noqa: E402

for name in ("default", "together"):
    cache = caches[name]
    cache.set("text", {"a": [1, 2.5, None]}, timeout=100)
    assert cache.get("text") == {"a": [1, 2.5, None]} and cache.get("none", "given") == "given"
    assert cache.add("text", 1) is False and cache.add("new", 1) is True
    assert cache.incr("new", 5) == 6 and cache.decr("new") == 5
    assert cache.touch("new", 50) is True and cache.touch("none") is False
    assert cache.get_or_set("made", lambda: "here") == "here" and cache.has_key("made")
    for n in range(100):
        cache.set(f"k:{n}", n, timeout=None)
    assert cache.get_many([f"k:{n}" for n in range(100)]) == {f"k:{n}": n for n in range(100)}
    cache.delete_many([f"k:{n}" for n in range(50)])
    assert len(cache.get_many([f"k:{n}" for n in range(100)])) == 50
    assert cache.delete("made") is True and cache.delete("made") is False
    cache.set("past", 1, timeout=0)
    assert cache.get("past") is None
    assert cache.incr_version("new") == 2 and cache.get("new", version=2) == 5

values = {f"many:{n}": n for n in range(20)}
assert caches["together"].set_many(values, timeout=60) == []
assert caches["together"].get_many(values) == values
try:
    caches["default"].set_many(values, timeout=60)
    raise AssertionError("a transaction over several slots must be refused")
except redis.RedisError as error:
    assert "slot" in str(error).lower(), error

session = SessionStore()
session["user"] = 7
session.save()
assert SessionStore(session.session_key)["user"] == 7
session.flush()
assert SessionStore(session.session_key).get("user") is None

caches["default"].clear()
assert caches["together"].get("text") is None
print("django's cache works")

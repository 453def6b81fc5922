"""`Watchers`: told at once, in their own loop, from any thread; and never in the way of who changes."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor

from spectriage.device.serve.watching import Watchers


def run(coroutine: Coroutine[object, object, object]) -> int:
    """Run in a thread of its own and return which: the browser's tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result(timeout=60.0)
        return pool.submit(threading.get_ident).result()


def test_a_watcher_is_called_in_its_loop_from_another_thread_until_it_ends():
    watchers, seen = Watchers(), []

    async def watch():
        changed = asyncio.Event()

        def told():
            seen.append(threading.get_ident())
            changed.set()

        unwatch = watchers.add(told)
        assert len(watchers) == 1
        await asyncio.to_thread(watchers.tell)
        await asyncio.wait_for(changed.wait(), timeout=30.0)
        unwatch()
        unwatch()
        watchers.tell()
        await asyncio.sleep(0)

    own = run(watch())
    assert seen == [own]
    assert len(watchers) == 0


def test_a_loop_that_is_gone_harms_nobody():
    watchers, seen = Watchers(), []

    async def leave():
        watchers.add(seen.append)

    run(leave())

    async def watch():
        done = asyncio.Event()
        watchers.add(done.set)
        watchers.tell()
        await asyncio.wait_for(done.wait(), timeout=30.0)

    run(watch())
    assert seen == []

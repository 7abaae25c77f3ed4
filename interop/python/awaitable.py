"""One form for the methods of synchronous and asynchronous clients."""

import inspect


class Awaitable:
    """Wraps a client so that all its methods can be awaited."""

    def __init__(self, client):
        self.client = client

    def __getattr__(self, name):
        method = getattr(self.client, name)

        async def call(*args, **kwargs):
            result = method(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        return call

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        if hasattr(self.client, "__aexit__"):  # the synchronous client has nothing to close
            await self.client.__aexit__(*exception)

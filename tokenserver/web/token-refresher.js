// createTokenRefresher returns a tokenRefresher for AzureCommunicationTokenCredential. It tries again until it has a
// token, because the credential gives up refreshing for good after one failure. signIn returns the user's JWT, and signs
// the user in again when it has expired.
export function createTokenRefresher(url, signIn) {
  return async (abortSignal) => {
    for (let attempt = 0; ; attempt++) {
      let wait = Math.min(60, 2 ** attempt);
      try {
        const response = await fetch(`${url}/v1/token`, {
          method: "POST",
          headers: { authorization: `Bearer ${await signIn()}` },
          signal: abortSignal,
        });
        if (response.ok) return await response.json();
        const temporary = response.status === 429 || response.status >= 500;
        if (!temporary) throw new Error(`token server: status ${response.status}`, { cause: "rejected" });
        wait = Number(response.headers.get("retry-after")) || wait;
      } catch (error) {
        if (abortSignal?.aborted || error.cause === "rejected") throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, wait * 1000 * (1 + Math.random() / 4)));
    }
  };
}

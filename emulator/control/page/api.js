// The control API.

export async function call(method, path, body) {
  const [response, text] = await request(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const result = text === "" ? undefined : parse(text);
  if (response.ok) {
    return result;
  }
  throw new Error(result?.error?.message ?? `The emulator responds with status ${response.status}.`);
}

async function request(path, options) {
  try {
    const response = await fetch(path, options);
    return [response, await response.text()];
  } catch {
    throw new Error("The emulator does not respond.");
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// loader returns a function that loads something and shows it. What was requested earlier never replaces what was requested
// later.
export function loader(path, show) {
  let requested = 0;
  let shown = 0;
  return async () => {
    const turn = ++requested;
    const loaded = await call("GET", path);
    if (turn > shown) {
      shown = turn;
      show(loaded);
    }
  };
}

export function userPath(id, action = "") {
  return `users/${encodeURIComponent(id)}${action}`;
}

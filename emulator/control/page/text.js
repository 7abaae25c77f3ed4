// Texts: what the page shows of what clients sent, times, and durations as Go writes them.

const units = { h: 3600000, m: 60000, s: 1000, ms: 1, "µs": 0.001, us: 0.001, ns: 0.000001 };
const maxDuration = 9.2e12; // in milliseconds, 292 years
const durationPattern = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:h|ms|m|s|µs|us|ns))+|0)$/;

// visible shows control characters, direction marks and piles of combining marks as escapes, so that they cannot change
// how the text around them reads.
export function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?<=\p{M}{8})\p{M}/gu, escape);
}

function escape(character) {
  if (character === "\n" || character === "\t") {
    return character;
  }
  return `\\u{${character.codePointAt(0).toString(16)}}`;
}

// short is visible, for texts of any length.
export function short(text, length) {
  if (text.length <= length) {
    return visible(text);
  }
  return `${visible(text.slice(0, length))}… (${(text.length - length).toLocaleString()} more characters)`;
}

export function count(shown, all) {
  return shown === all ? String(all) : `${shown} of ${all}`;
}

export function localTime(time) {
  return time ? new Date(time).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" }) : "";
}

// milliseconds reads a duration like "-2h0m1.5s". It returns NaN for other texts, and for durations that Go cannot hold.
export function milliseconds(text) {
  const match = durationPattern.exec(text);
  if (match === null) {
    return NaN;
  }
  let sum = 0;
  for (const [, number, unit] of match[2].matchAll(/([\d.]+)(h|ms|m|s|µs|us|ns)/g)) {
    sum += Number(number) * units[unit];
  }
  if (sum > maxDuration) {
    return NaN;
  }
  return match[1] === "-" ? -sum : sum;
}

// tidy shortens a duration that Go wrote: "2h0m0s" is "2h".
export function tidy(duration) {
  return duration.replace(/([hm])0s$/, "$1").replace(/h0m$/, "h");
}

// indent breaks JSON into lines. It changes nothing else, and nothing in texts that are not JSON.
export function indent(text) {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  const parts = text.match(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|[^\s{}[\],:"]+/g);
  return parts.map((part) => {
    if (part === "{" || part === "[") {
      depth++;
      return part + line();
    }
    if (part === "}" || part === "]") {
      depth--;
      return line() + part;
    }
    return part === "," ? part + line() : part === ":" ? ": " : part;
  }).join("");
}

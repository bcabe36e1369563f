// What comes in: one stream of news, which tells the latest state of each message rather than every event.
//
// After a break the page says what it has read (its stamp). If anything happened meanwhile it reads the conversation
// again; an answer that is being written is told from its beginning in any case. So nothing is lost and nothing doubled.

const $ = (id) => document.getElementById(id);
const log = $("log");
const tails = new Map(); // of each growing answer, the HTML after its complete blocks
let source, waiting, failures = 0, hiddenAt;

export const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - 120;
export const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight });
export const past = () => !$("after").hidden; // later messages are not on the page

export function listen() {
  clearTimeout(waiting);
  source?.close();
  tails.clear();
  const { c, stamp } = $("messages").dataset;
  source = new EventSource(`/events?${new URLSearchParams({ c, stamp })}`);
  source.onopen = () => { failures = 0; $("offline").hidden = true; };
  source.onerror = again;
  source.addEventListener("item", (event) => item(heard(event)));
  source.addEventListener("refresh", (event) => { if (past()) heard(event); else refresh(); });
  source.addEventListener("list", (event) => { heard(event); soon(list); });
  source.addEventListener("moved", heard);
}

// With everything comes what has happened so far, and the conversation's name, which a new one gets only now.
function heard(event) {
  const told = JSON.parse(event.data);
  $("messages").dataset.stamp = told.stamp;
  named(told.c);
  return told;
}

function named(now) {
  const messages = $("messages");
  if (messages.dataset.c !== now && location.pathname !== "/") history.replaceState(null, "", `/c/${encodeURIComponent(now)}`);
  messages.dataset.c = now;
  for (const field of document.querySelectorAll('input[name="c"]')) field.value = now;
}

// The browser's own way of trying again gives up at the first answer it does not like.
function again() {
  source?.close();
  failures += 1;
  if (failures > 2) $("offline").hidden = false;
  clearTimeout(waiting);
  waiting = setTimeout(refresh, Math.min(5000, 250 * 2 ** failures) * (0.75 + Math.random() / 2));
}

// --- one message

function item(told) {
  const following = atEnd();
  let article = $(`m-${told.id}`);
  if (told.state === "gone") {
    article?.remove();
  } else {
    article ??= arrived(told);
    if (article && told.blocks) change(article, told);
  }
  busy();
  if (following) toEnd();
}

function arrived(told) {
  if (!told.shell || past()) return null;
  const holder = document.createElement("template");
  holder.innerHTML = told.shell;
  $("messages").append(holder.content);
  return $(`m-${told.id}`);
}

// The HTML is the server's, which lets nothing through that could do harm.
function change(article, told) {
  const body = article.querySelector(".body");
  const tail = (tails.get(told.id) ?? "").slice(0, told.keep) + told.add;
  while (body.children.length > told.from) body.lastElementChild.remove();
  for (const html of [...told.blocks, ...(tail ? [tail] : [])]) {
    const block = document.createElement("div");
    block.className = "block";
    block.innerHTML = html;
    body.append(block);
  }
  tails.set(told.id, tail);
  article.dataset.state = told.state;
  article.setAttribute("aria-busy", told.state !== "final");
  choose(article.querySelector(".choices"), told.choices);
}

function choose(place, choices) {
  const now = [...place.children].map((button) => button.value).join();
  if (now === choices.map((choice) => choice.token).join()) return;
  place.replaceChildren(...choices.map(({ label, token }) => {
    const button = document.createElement("button");
    button.textContent = label;
    button.name = "tap";
    button.value = token;
    button.setAttribute("form", "do");
    return button;
  }));
}

function busy() {
  const answering = !!log.querySelector('[aria-busy="true"]');
  $("stop").hidden = !answering;
  $("send").hidden = answering && !$("text").value.trim();
}
$("text").addEventListener("input", busy);
document.addEventListener("files", busy);

// --- reading again

async function fetched(query) {
  const { c } = $("messages").dataset;
  const response = await fetch(`/log?${new URLSearchParams({ c, ...query })}`, { headers: { Accept: "text/html" } });
  if (response.status === 401) location.reload();
  if (!response.ok) throw new Error(response.statusText);
  return response.text();
}

// Nobody wants all of it read aloud once more.
function quietly(change) {
  log.ariaLive = "off";
  change();
  setTimeout(() => { log.ariaLive = "polite"; }, 500);
}

// What is read stays where it is on the screen, whatever comes or goes above it.
function inPlace(change) {
  const seen = [...log.querySelectorAll("article")].find((article) => article.getBoundingClientRect().bottom > 60);
  const top = seen?.getBoundingClientRect().top;
  quietly(change);
  const now = seen && (seen.isConnected ? seen : $(seen.id));
  if (now) scrollBy({ top: now.getBoundingClientRect().top - top, behavior: "instant" });
}

export async function refresh() {
  if (past()) { listen(); return; } // what is new is not on this page
  const following = atEnd(), { c } = $("messages").dataset;
  source?.close();
  let html;
  try {
    html = await fetched({ since: $("messages").dataset.after });
  } catch {
    again();
    return;
  }
  const replace = () => { log.innerHTML = html; };
  if (following) quietly(replace);
  else inPlace(replace);
  const now = $("messages").dataset.c;
  $("messages").dataset.c = c;
  named(now);
  busy();
  if (following) toEnd();
  listen();
  soon(list);
}

// --- other parts of a long conversation

const most = 300; // messages on the page
let turning = false;

// Goes to the first or the last messages, or adds those before or after what is shown.
export async function turn(go) {
  if (turning) return;
  turning = true;
  try {
    await (go === "first" || go === "last" ? jump(go) : more(go));
    busy();
    document.dispatchEvent(new Event("scroll"));
  } catch {
    $("told").textContent = "This could not be read just now.";
  } finally {
    turning = false;
  }
}

async function jump(go) {
  const html = await fetched(go === "first" ? { after: "" } : {});
  quietly(() => { log.innerHTML = html; });
  if (go === "first") scrollTo({ top: 0 });
  else toEnd();
  log.focus({ preventScroll: true });
  $("told").textContent = go === "first" ? "The first messages are shown." : "The newest messages are shown.";
  listen();
}

async function more(go) {
  const messages = $("messages"), nav = $(go), kept = [...messages.querySelectorAll("article[data-place]")];
  const html = await fetched(go === "before" ? { before: kept[0].dataset.place } : { after: kept.at(-1).dataset.end });
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const found = holder.content.getElementById("messages"), articles = [...found.children];
  inPlace(() => {
    if (go === "before") {
      messages.prepend(...articles);
      messages.dataset.after = found.dataset.after;
      while (messages.children.length > most) { messages.lastElementChild.remove(); $("after").hidden = false; }
    } else {
      messages.append(...articles);
      messages.dataset.stamp = found.dataset.stamp;
      while (messages.children.length > most) {
        messages.dataset.after = messages.firstElementChild.dataset.end ?? messages.dataset.after;
        messages.firstElementChild.remove();
        $("before").hidden = false;
      }
    }
    nav.hidden = holder.content.getElementById(go).hidden;
  });
  if (nav.hidden) log.focus({ preventScroll: true }); // the link that was pressed is gone
  $("told").textContent = `${articles.length} ${go === "before" ? "earlier" : "later"} messages were added.`;
  if (go === "after" && !past()) listen();
}

let listing;
function soon(what) {
  clearTimeout(listing);
  listing = setTimeout(what, 200);
}

async function list() {
  const { c } = $("messages").dataset, nav = $("list");
  const response = await fetch(`/list?${new URLSearchParams({ c })}`).catch(() => null);
  if (!response?.ok || nav.contains(document.activeElement)) return;
  nav.innerHTML = await response.text();
  const title = nav.querySelector("[aria-current] span")?.textContent ?? "New conversation";
  $("title").textContent = title;
  document.title = `${title} · Waystation`;
  document.dispatchEvent(new Event("list"));
}

// A page nobody looks at lets go of its connection, of which a browser has only six for all its pages.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = setTimeout(() => source?.close(), 30_000);
  else {
    clearTimeout(hiddenAt);
    if (source?.readyState === EventSource.CLOSED) listen();
  }
});
busy();

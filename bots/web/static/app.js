// The page: what is sent, and what people press. What comes in is in stream.js.

import { attached, attach, clearFiles } from "./files.js";
import { model, pressed, whenChosen } from "./menus.js";
import { atEnd, listen, past, refresh, toEnd, turn } from "./stream.js";

const $ = (id) => document.getElementById(id);
const text = $("text"), say = $("say"), trouble = $("trouble");
const touch = matchMedia("(pointer: coarse)").matches; // there Enter begins a line, as its keyboard says
let editing = false, sending = false;

export const key = () => crypto.randomUUID();
const here = () => $("messages").dataset.c;

// --- sending

async function post(path, said) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ c: here(), ...said }),
  });
  if (response.status === 401) location.reload();
  if (!response.ok) throw new Error((await response.text()).trim());
  return response.json();
}

function complain(problem) {
  trouble.textContent = problem instanceof TypeError ? "This could not be sent: Waystation does not answer." : problem.message;
  trouble.hidden = false;
}

async function send() {
  const words = text.value.trim();
  if (words === "/new") { location.href = "/new"; return; }
  if (sending || (!words && !attached().length)) return;
  if (attached().some((file) => !file.ref)) { complain(new Error("A file is still on its way. Please wait a moment.")); return; }
  const said = editing ? { what: "again", text: words } : { text: words, files: attached().map((file) => file.ref).join(" ") };
  sending = true;
  trouble.hidden = true;
  try {
    const { c } = await post(editing ? "/do" : "/say", { ...said, key: (send.key ??= key()) });
    send.key = undefined;
    text.value = "";
    clearFiles();
    edit(false);
    grow();
    if (location.pathname === "/new") history.replaceState(null, "", `/c/${encodeURIComponent(c)}`);
    if (past()) await turn("last");
    toEnd();
  } catch (problem) {
    complain(problem);
  }
  sending = false;
  text.focus();
}

function edit(on, words = "") {
  editing = on;
  $("editing").hidden = !on;
  if (on) {
    text.value = words;
    text.focus();
    text.setSelectionRange(words.length, words.length);
  }
  grow();
}

async function act(what) {
  try {
    await post("/do", { ...what, key: key() });
  } catch (problem) {
    complain(problem);
  }
}

// --- the composer

function grow() {
  if (!CSS.supports("field-sizing", "content")) {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight}px`;
  }
  $("send").disabled = !text.value.trim() && !attached().length;
}

say.addEventListener("submit", (event) => { event.preventDefault(); send(); });
text.addEventListener("input", () => { send.key = undefined; grow(); });
text.addEventListener("keydown", (event) => {
  // Safari ends a composition first and then tells of the Enter that did it: only its number says so.
  const composing = event.isComposing || event.keyCode === 229;
  if (!composing && pressed(event)) return;
  if (event.key === "Enter" && !event.shiftKey && !composing && !touch) {
    event.preventDefault();
    send();
  }
});
$("keep").addEventListener("click", () => { text.value = ""; edit(false); text.focus(); });
$("pick").addEventListener("change", (event) => { attach([...event.target.files], complain).then(grow); event.target.value = ""; });
text.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length) { event.preventDefault(); attach(files, complain).then(grow); }
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    say.classList.toggle("over", kind === "dragover");
    if (kind === "drop") attach([...event.dataTransfer.files], complain).then(grow);
  });
}
document.addEventListener("files", grow);

// --- what people press

$("do").addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (button.name === "tap") for (const one of button.parentElement.children) one.disabled = true;
  act({ [button.name]: button.value });
});

async function copied(button, words) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(words);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => { button.textContent = before; }, 1500);
}

$("log").addEventListener("click", (event) => {
  const link = event.target.closest("[data-go]");
  if (link && !(event.metaKey || event.ctrlKey || event.shiftKey)) {
    event.preventDefault();
    turn(link.dataset.go);
    return;
  }
  const button = event.target.closest("button");
  if (!button) return;
  const article = button.closest("article");
  if (button.matches(".copy")) copied(button, button.closest("figure").querySelector("code").textContent);
  if (button.matches(".copy-all")) copied(button, article.querySelector(".body").innerText.trim());
  if (button.matches(".change")) edit(true, article.querySelector(".bubble")?.textContent ?? "");
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (document.body.classList.contains("with-side")) side(false);
  else if (editing) $("keep").click();
  else if (!$("stop").hidden) act({ what: "stop" });
});

// --- the list of conversations, a drawer on small screens

function side(open) {
  document.body.classList.toggle("with-side", open);
  $("shade").hidden = !open;
  $("side-open").setAttribute("aria-expanded", open);
  document.querySelector("main").inert = open;
  (open ? $("side-close") : $("side-open")).focus();
}
$("side-open").addEventListener("click", () => side(true));
$("side-close").addEventListener("click", () => side(false));
$("shade").addEventListener("click", () => side(false));

// --- scrolling and the keyboard of telephones

$("down").addEventListener("click", async () => {
  if (past()) await turn("last");
  toEnd();
  text.focus();
});
for (const kind of ["scroll", "resize"]) addEventListener(kind, () => { $("down").hidden = atEnd() && !past(); }, { passive: true });
visualViewport?.addEventListener("resize", () => {
  const covered = Math.max(0, innerHeight - visualViewport.height - visualViewport.offsetTop);
  document.documentElement.style.setProperty("--keyboard", visualViewport.scale > 1 ? "0px" : `${covered}px`);
});

whenChosen(act);
document.addEventListener("list", model);

grow();
toEnd();
listen();
model();
if (!touch) text.focus();
addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });

// Two menus: commands, which are listed while one is being typed, and the models there are to choose from.

const $ = (id) => document.getElementById(id);
const text = $("text"), menu = $("commands"), options = [...menu.children];
let shown = [], at = -1;

// --- commands

function list() {
  const typed = /^\/([a-z0-9_]*)$/i.exec(text.value);
  const wanted = typed?.[1].toLowerCase();
  const before = shown.length;
  shown = typed ? options.filter((option) => option.dataset.name.startsWith(wanted)) : [];
  for (const option of options) option.hidden = !shown.includes(option);
  menu.hidden = !shown.length;
  mark(shown.length ? 0 : -1);
  if (shown.length && shown.length !== before) $("told").textContent = `${shown.length} commands. The arrow keys choose, Enter takes one.`;
}

function mark(number) {
  at = number;
  for (const option of options) option.setAttribute("aria-selected", option === shown[at]);
  if (shown[at]) {
    text.setAttribute("aria-activedescendant", shown[at].id);
    shown[at].scrollIntoView({ block: "nearest" });
  } else {
    text.removeAttribute("aria-activedescendant");
  }
}

function close() {
  shown = [];
  menu.hidden = true;
  mark(-1);
}

function take(option) {
  text.value = `/${option.dataset.name} `;
  close();
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
  text.dispatchEvent(new Event("input"));
}

// Whether the key was for the menu. A command that is written out whole is sent by Enter, as everything is.
export function pressed(event) {
  if (menu.hidden) return false;
  switch (event.key) {
    case "ArrowDown": mark((at + 1) % shown.length); break;
    case "ArrowUp": mark((at - 1 + shown.length) % shown.length); break;
    case "Home": mark(0); break;
    case "End": mark(shown.length - 1); break;
    case "Escape": close(); break;
    case "Enter":
      if (event.shiftKey) return false;
      if (text.value === `/${shown[at].dataset.name}`) { close(); return false; }
      take(shown[at]);
      break;
    case "Tab":
      if (event.shiftKey) return false;
      take(shown[at]);
      break;
    default: return false;
  }
  event.preventDefault();
  event.stopPropagation();
  return true;
}

text.addEventListener("input", list);
text.addEventListener("blur", () => setTimeout(close, 150)); // not before a click on an option was heard
menu.addEventListener("pointerdown", (event) => event.preventDefault());
menu.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) take(option);
});
$("slash")?.addEventListener("click", () => {
  if (!text.value) text.value = "/";
  text.focus();
  text.dispatchEvent(new Event("input"));
});

// --- models

const dialog = $("models");

async function part(path) {
  const { c } = $("messages").dataset;
  const response = await fetch(`${path}?${new URLSearchParams({ c, alone: 1 })}`, { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(response.statusText);
  return response.text();
}

export async function model() {
  const place = $("model");
  try {
    const html = await part("/model");
    if (!place.contains(document.activeElement)) place.innerHTML = html;
  } catch { /* what stands there is as good as anything */ }
}

async function choose() {
  const place = $("models-list");
  place.textContent = "Asking who has what …";
  dialog.showModal();
  try {
    place.innerHTML = await part("/models");
    (place.querySelector("[aria-current]") ?? place.querySelector("button"))?.focus();
  } catch {
    place.textContent = "This could not be read just now.";
  }
}

$("model").addEventListener("click", (event) => {
  if (!event.target.closest("[data-models]") || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  choose();
});
// The line may have been read again meanwhile, and the link that had the focus be gone.
dialog.addEventListener("close", () => {
  const lost = document.activeElement === document.body || dialog.contains(document.activeElement);
  if (lost) document.querySelector("[data-models]")?.focus();
});
$("models-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

export function whenChosen(act) {
  dialog.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close();
    act({ what: "model", model: event.submitter.value });
    text.focus();
  });
}

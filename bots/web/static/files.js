// Files to send with the next message: each is handed in at once, and named by its reference when the message goes.

const list = document.getElementById("files");
const most = Number(document.getElementById("say").dataset.most);
let files = [];

export const attached = () => files;

export function clearFiles() {
  files = [];
  list.replaceChildren();
  list.hidden = true;
}

export async function attach(chosen, complain) {
  await Promise.all(chosen.map((file) => handIn(file, complain)));
}

async function handIn(file, complain) {
  if (file.size > most) {
    complain(new Error(`${file.name} is too large: ${Math.floor(most / 2 ** 20)} MB are taken at most.`));
    return;
  }
  const one = { name: file.name || "pasted picture.png" };
  files.push(one);
  const row = show(one);
  try {
    const response = await fetch(`/files?name=${encodeURIComponent(one.name)}`, { method: "POST", body: file });
    if (!response.ok) throw new Error((await response.text()).trim());
    Object.assign(one, await response.json());
    row.classList.remove("busy");
    if (one.kind === "photo") {
      const picture = new Image();
      picture.src = `/files/${one.ref}`;
      picture.alt = "";
      row.prepend(picture);
    }
  } catch (problem) {
    drop(one, row);
    complain(problem);
  }
}

function show(one) {
  const row = document.createElement("li"), name = document.createElement("span"), button = document.createElement("button");
  row.className = "busy";
  name.textContent = one.name;
  button.type = "button";
  button.textContent = "×";
  button.setAttribute("aria-label", `Do not send ${one.name}`);
  button.addEventListener("click", () => drop(one, row));
  row.append(name, button);
  list.append(row);
  list.hidden = false;
  document.dispatchEvent(new Event("files"));
  return row;
}

function drop(one, row) {
  files = files.filter((other) => other !== one);
  row.remove();
  list.hidden = !files.length;
  document.dispatchEvent(new Event("files"));
}

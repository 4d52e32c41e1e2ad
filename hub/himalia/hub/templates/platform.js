(() => {
  const root = document.getElementById("himalia-platform");
  const find = (name) => document.getElementById(`himalia-${name}`);
  const rows = new Map();
  const stopping = new Set();
  let seen = null;

  const KINDS = { server: "Notebook server", job: "Job", endpoint: "Endpoint", task: "Task" };
  const PURPOSES = {
    overlay: "Environment from requirements.txt",
    import: "Import into a dataset",
    preview: "Preview of a dataset",
    verify: "Check of a dataset",
  };
  const STATES = {
    QUEUED: ["○", "Waiting", "text-body-secondary"],
    STARTING: ["◔", "Starting", "text-body-secondary"],
    RUNNING: ["●", "Running", "text-success-emphasis"],
    STOPPING: ["◌", "Stopping", "text-warning-emphasis"],
  };

  function element(tag, text = "", className = "") {
    const made = document.createElement(tag);
    made.textContent = text;
    made.className = className;
    return made;
  }

  function bytes(count) {
    for (const [unit, factor] of [["TiB", 2 ** 40], ["GiB", 2 ** 30], ["MiB", 2 ** 20]]) {
      if (count >= factor) {
        return `${(count / factor).toFixed(1).replace(/\.0$/, "")} ${unit}`;
      }
    }
    return `${count} B`;
  }

  function amount(resources) {
    const parts = [];
    if (resources.cpus) {
      parts.push(`${resources.cpus} ${resources.cpus === 1 ? "core" : "cores"}`);
    }
    if (resources.memory_bytes) {
      parts.push(bytes(resources.memory_bytes));
    }
    for (const [name, count] of Object.entries(resources.devices || {})) {
      parts.push(`${count} × ${name}`);
    }
    return parts.join(", ") || "—";
  }

  function since(text) {
    const seconds = Math.max(0, (Date.now() - new Date(text).getTime()) / 1000);
    if (seconds < 60) {
      return "less than a minute";
    }
    for (const [unit, length] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
      if (seconds >= length) {
        const count = Math.floor(seconds / length);
        return `${count} ${unit}${count === 1 ? "" : "s"}`;
      }
    }
    return "";
  }

  function what(item) {
    return (item.kind === "task" && PURPOSES[item.purpose]) || KINDS[item.kind] || item.kind;
  }

  function bar(label, free, all, words) {
    const used = Math.max(0, all - free);
    const share = all ? Math.round((100 * used) / all) : 0;
    const line = element("div", "", "mb-2");
    const head = element("div", "", "d-flex justify-content-between small");
    head.append(element("span", label), element("span", `${words(used)} of ${words(all)} held`));
    const outer = element("div", "", "progress");
    outer.setAttribute("role", "progressbar");
    outer.setAttribute("aria-label", label);
    outer.setAttribute("aria-valuemin", "0");
    outer.setAttribute("aria-valuemax", "100");
    outer.setAttribute("aria-valuenow", String(share));
    outer.style.height = "0.5rem";
    const inner = element("div", "", "progress-bar");
    inner.style.width = `${share}%`;
    outer.append(inner);
    line.append(head, outer);
    return line;
  }

  function place({ machine, devices }) {
    const given = Object.entries(devices).map(([name, named]) => [name, named.join(" and ")].filter(Boolean).join(" "));
    return [machine, ...given].join(", ");
  }

  function machine(one) {
    const { name, allocatable, free, taints } = one;
    const column = element("div", "", "col");
    const card = element("div", "", "card h-100");
    const body = element("div", "", "card-body");
    body.append(element("h3", name, "h6"));
    if (taints.length) {
      body.append(element("p", `Kept for profiles that tolerate ${taints.join(", ")}.`, "small text-muted mb-2"));
    }
    body.append(bar("Cores", free.cpus || 0, allocatable.cpus || 0, (count) => String(count)));
    body.append(bar("Memory", free.memory_bytes || 0, allocatable.memory_bytes || 0, bytes));
    for (const [device, count] of Object.entries(allocatable.devices || {})) {
      body.append(bar(device, (free.devices || {})[device] || 0, count, (number) => String(number)));
    }
    card.append(body);
    column.append(card);
    return column;
  }

  function stopButton(item) {
    const button = element("button", "Stop", "btn btn-sm btn-outline-danger");
    button.type = "button";
    button.setAttribute("aria-label", `Stop ${what(item)} ${item.name} of ${item.person}`);
    button.addEventListener("click", () => void stop(item, button));
    return button;
  }

  async function stop(item, button) {
    const question = `Stop ${what(item).toLowerCase()} “${item.name}” of ${item.person}? What it has not saved is lost.`;
    if (!window.confirm(question)) {
      return;
    }
    stopping.add(item.id);
    button.disabled = true;
    button.textContent = "Stopping…";
    fail("");
    try {
      const url = `${root.dataset.base}/workloads/${item.id}/stop`;
      const headers = { "X-XSRFToken": window.jhdata.xsrf_token };
      const answer = await fetch(url, { method: "POST", headers, credentials: "same-origin" });
      if (!answer.ok) {
        const body = await answer.json().catch(() => ({}));
        throw new Error(body.message || `The hub answered ${answer.status}. Load this page again.`);
      }
    } catch (error) {
      stopping.delete(item.id);
      button.disabled = false;
      button.textContent = "Stop";
      fail(`“${item.name}” was not stopped: ${error.message}`);
    }
  }

  function fail(text) {
    find("failure").textContent = text;
    find("failure").classList.toggle("d-none", !text);
  }

  function makeRow(item) {
    const row = document.createElement("tr");
    row.dataset.id = item.id;
    for (let index = 0; index < 7; index += 1) {
      row.append(document.createElement(index ? "td" : "th"));
    }
    row.cells[0].scope = "row";
    const actions = document.createElement("td");
    actions.className = "text-end";
    actions.append(stopButton(item));
    row.append(actions);
    return row;
  }

  function fill(row, item) {
    const [shape, word, color] = STATES[item.state] || ["?", item.state, ""];
    row.cells[0].replaceChildren(element("div", item.name), element("div", what(item), "small fw-normal text-body-secondary"));
    row.cells[1].textContent = item.person;
    row.cells[2].textContent = item.project;
    const state = element("div", "", color);
    const sign = element("span", `${shape} `);
    sign.setAttribute("aria-hidden", "true");
    state.append(sign, word);
    row.cells[3].replaceChildren(state, element("div", item.message || "", "small text-body-secondary"));
    row.cells[4].replaceChildren(...item.places.map((one) => element("div", place(one))));
    if (!item.places.length) {
      row.cells[4].textContent = "—";
    }
    row.cells[5].textContent = item.state === "QUEUED" ? `asks for ${amount(item.reserve)}` : amount(item.reserve);
    const from = item.started_at || item.queued_at;
    row.cells[6].textContent = since(from);
    row.cells[6].title = new Date(from).toLocaleString();
    const button = row.cells[7].firstChild;
    if (item.state === "STOPPING" || stopping.has(item.id)) {
      button.disabled = true;
      button.textContent = "Stopping…";
    }
  }

  function matches(item) {
    const kind = find("kind").value;
    const text = find("search").value.trim().toLowerCase();
    const fields = [item.name, item.person, item.project, what(item)];
    return (!kind || item.kind === kind) && (!text || fields.some((field) => field.toLowerCase().includes(text)));
  }

  function draw() {
    if (!seen) {
      return;
    }
    const shown = seen.workloads.filter(matches);
    const ids = new Set(shown.map((item) => item.id));
    for (const [id, row] of rows) {
      if (!ids.has(id)) {
        row.remove();
        rows.delete(id);
      }
    }
    const body = find("workloads");
    shown.forEach((item, index) => {
      const row = rows.get(item.id) || makeRow(item);
      rows.set(item.id, row);
      fill(row, item);
      if (body.children[index] !== row) {
        body.insertBefore(row, body.children[index] || null);
      }
    });
    const nothing = find("nothing");
    nothing.textContent = seen.workloads.length ? "Nothing here matches." : "Nothing runs now.";
    nothing.classList.toggle("d-none", shown.length > 0);
  }

  function take(everything) {
    seen = everything;
    const there = new Set(everything.workloads.map((item) => item.id));
    for (const id of stopping) {
      if (!there.has(id)) {
        stopping.delete(id);
      }
    }
    find("machines").replaceChildren(...everything.machines.map(machine));
    draw();
  }

  find("kind").addEventListener("change", draw);
  find("search").addEventListener("input", draw);
  window.setInterval(draw, 30000); // for the times
  const source = new EventSource(root.dataset.stream);
  source.onopen = () => {
    find("connection").textContent = "Live";
  };
  source.onerror = () => {
    find("connection").textContent = "Live updates are interrupted; connecting again…";
    if (source.readyState === EventSource.CLOSED) {
      find("connection").textContent = "Himalia’s service does not answer. Load this page again in a moment.";
    }
  };
  source.onmessage = (message) => take(JSON.parse(message.data));
})();

// SPDX-License-Identifier: Apache-2.0
// The page /pictures as a browser would use it: its own script runs against the server, with elements that keep what is put into them.
//
// Usage: node pictures_page.js HTTP_PORT (with the collection of bench/data/shapes.py)
"use strict";
const assert = require("assert");
const vm = require("vm");
const base = `http://127.0.0.1:${process.argv[2]}`;

class Element {
  constructor(name, attributes = "") {
    Object.assign(this, { name, children: [], textContent: "", value: (/value="([^"]*)"/.exec(attributes) || [])[1] || "" });
    this.pixels = null;
  }
  append(...nodes) { this.children.push(...nodes); }
  replaceChildren(...nodes) { this.children = nodes; }
  setPointerCapture() {}
  getBoundingClientRect() { return { left: 0, top: 0, width: 160, height: 160 }; }
  getContext() {
    return { createImageData: (w, h) => ({ data: new Uint8ClampedArray(w * h * 4) }), putImageData: image => { this.pixels = image.data; } };
  }
}

async function main() {
  const answer = await fetch(base + "/pictures");
  assert.strictEqual(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /text\/html/);
  const html = await answer.text();
  const byId = new Map();
  for (const [, name, attributes] of html.matchAll(/<(\w+)((?:\s[^<>]*)?\bid="[^"]+"[^<>]*)>/g))
    byId.set(/id="([^"]+)"/.exec(attributes)[1], new Element(name, attributes));
  byId.get("mode").value = "ANN"; // a select is worth its first option
  const get = id => { assert(byId.has(id), "no element " + id); return byId.get(id); };
  const document = { getElementById: get, createElement: name => new Element(name) };
  const asked = [];
  const pageFetch = (path, options) => { asked.push([path, JSON.parse(options.body)]); return fetch(base + path, options); };
  const script = /<script>\n([^]*)<\/script>/.exec(html)[1];
  vm.runInNewContext(script, { document, fetch: pageFetch, performance, console });
  const figures = () => get("grid").children;
  const said = pattern => assert.match(get("said").textContent, pattern);
  const settled = async isThere => {
    for (let i = 0; i < 600 && !isThere(); i++) await new Promise(done => setTimeout(done, 20));
    assert(isThere(), "nothing came: " + get("said").textContent);
  };
  const kinds = () => figures().map(f => f.children[1].textContent.split(" ")[0]);

  // Opened: drawings, each a PNG of 16 x 16.
  await settled(() => figures().length === 24);
  for (const figure of figures()) {
    const png = Buffer.from(figure.children[0].src.replace("data:image/png;base64,", ""), "base64");
    assert.strictEqual(png.toString("latin1", 1, 4), "PNG");
    assert.deepStrictEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [16, 16]);
  }

  // A click: the same drawing comes first, at no distance, and the pad shows it.
  const clicked = figures()[5];
  await clicked.onclick();
  said(/^24 nearest/);
  assert.strictEqual(figures()[0].children[0].src, clicked.children[0].src);
  assert.match(figures()[0].children[1].textContent, / 0$/);
  const [path, body] = asked.at(-1);
  assert.strictEqual(path, "/sql");
  assert.match(body.sql, /QUERY = \$1 AND MODE = 'ANN' LIMIT 24$/);
  const query = JSON.parse(body.params[0]);
  assert.strictEqual(query.length, 256);
  assert.deepStrictEqual([...get("pad").pixels].filter((_, i) => i % 4 === 0), query);

  // Exactly, and with as many candidates as there are drawings: the same answer.
  get("mode").value = "EXACT";
  await get("mode").onchange();
  const exact = figures().map(f => f.children[0].src);
  get("mode").value = "ANN";
  get("ef").value = "2000";
  await get("ef").onchange();
  assert.match(asked.at(-1)[1].sql, /EF = 2000/);
  assert.deepStrictEqual(figures().map(f => f.children[0].src), exact);

  // Under a condition: as many as asked for, all of that kind, in order.
  get("filter").value = "kind = 'wave'";
  get("k").value = "50";
  await get("k").onchange();
  assert.deepStrictEqual(kinds(), new Array(50).fill("wave"));
  const distances = figures().map(f => Number(f.children[1].textContent.split(" ")[1]));
  assert.deepStrictEqual(distances, [...distances].sort((a, b) => a - b));

  // A drawing of one's own: a filled disc in the middle finds discs.
  get("filter").value = "";
  get("k").value = "5";
  get("clear").onclick();
  get("pad").onpointermove({ clientX: 10, clientY: 10 });
  assert(get("pad").pixels.every((v, i) => v === (i % 4 === 3 ? 255 : 0)), "drawn without a press");
  get("pad").onpointerdown({ clientX: 80, clientY: 80, pointerId: 1 });
  for (let step = 0; step < 400; step++) {
    const radius = 40 * Math.sqrt(step / 400);
    get("pad").onpointermove({ clientX: 80 + radius * Math.cos(step * 2.4), clientY: 80 + radius * Math.sin(step * 2.4) });
  }
  await get("pad").onpointerup();
  assert.deepStrictEqual(kinds(), new Array(5).fill("disc"));

  // Mistakes are said, and nothing old stays on show; a name is a name.
  get("filter").value = "colour = 'red'";
  await get("filter").onchange();
  said(/column "colour" does not exist/);
  assert.strictEqual(figures().length, 0);
  assert.strictEqual(get("said").className, "bad");
  get("filter").value = "";
  get("table").value = 'no "such" thing';
  await get("table").onchange();
  said(/relation "no "such" thing" does not exist\nMake it with bench\/data\/shapes.py/);
  get("table").value = "shapes";
  await get("some").onclick();
  assert.strictEqual(figures().length, 5);
}

main().catch(error => { console.error(error); process.exit(1); });

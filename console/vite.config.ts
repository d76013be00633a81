// The console is served under /graphiql by the program that embeds `dist`. Text is compressed here, once, so that the program
// never has to.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const TEXT = /\.(css|js|md|svg)$/;

/** Writes `.br` and `.gz` beside every text but the page, in place of the text itself. */
function compressed(): Plugin {
  let dist = "";
  const compress = async (file: string): Promise<void> => {
    const text = await readFile(file);
    await writeFile(`${file}.br`, await promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }));
    await writeFile(`${file}.gz`, await promisify(gzip)(text, { level: constants.Z_BEST_COMPRESSION }));
    await rm(file);
  };
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => {
      dist = join(config.root, config.build.outDir);
    },
    closeBundle: async () => {
      const names = await readdir(dist, { recursive: true });
      await Promise.all(names.filter((name) => TEXT.test(name)).map((name) => compress(join(dist, name))));
    },
  };
}

export default defineConfig({
  base: "/graphiql/",
  // Monaco's workers import one another.
  worker: { format: "es" },
  build: {
    target: "es2022",
    // The page's policy lets nothing in that is not a file of its own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
    chunkSizeWarningLimit: 4_000,
    rolldownOptions: {
      onwarn: (warning, warn) => {
        // `"use client"` means nothing here.
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") warn(warning);
      },
    },
  },
  plugins: [compressed()],
  // `npm run dev` beside a running program.
  server: { proxy: { "/graphql": { target: "http://127.0.0.1:8000", ws: true } } },
});

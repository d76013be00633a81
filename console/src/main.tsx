import "graphiql/setup-workers/vite";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "@graphiql/plugin-explorer/style.css";
import "graphiql/graphiql.css";
import "./console.css";
import { createRoot } from "react-dom/client";
import { Console } from "./console";
import { givenExamples } from "./examples";

const host = document.getElementById("console");
if (host) createRoot(host).render(<Console examples={givenExamples()} />);

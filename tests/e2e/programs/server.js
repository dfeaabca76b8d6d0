// SPDX-License-Identifier: Apache-2.0
// Answers every request with the number of requests since the start: a restored server goes on counting.
let count = 0;
require("http").createServer((_, response) => response.end(`${++count}\n`)).listen(8080, "0.0.0.0");

# A node in a container: small, not root, and good with a read-only root file system. It needs a configuration at
# /etc/banyan/banyan.yaml and, to keep its keys, a volume at /var/lib/banyan (node.state of the configuration).
# Builds with the classic builder: no syntax line, no mounts, no heredocs.

FROM node:24-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Only what compiling takes; nobody's scripts run.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/.cache && mkdir -p /state && chmod 700 /state

FROM node:24-slim
LABEL org.opencontainers.image.title="Banyan" \
      org.opencontainers.image.description="A node for federations of MCP gateways" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /etc/banyan
COPY --from=build /src/package.json /src/LICENSE /app/
COPY --from=build /src/node_modules /app/node_modules
COPY --from=build /src/dist /app/dist
COPY --from=build --chown=node:node /state /var/lib/banyan
USER node
VOLUME /var/lib/banyan
EXPOSE 7400
# Of the listener of clients, whatever it is called from outside: BANYAN_HEALTH where it is not plain HTTP on 7400.
HEALTHCHECK --interval=5s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.BANYAN_HEALTH || 'http://127.0.0.1:7400/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/dist/node/main/cli.js"]
CMD ["up", "/etc/banyan/banyan.yaml"]

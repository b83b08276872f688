# The runner, and every other command: docker run --rm -e REDIS_URL=redis://my-redis wbsync list
FROM node:20-slim AS build
WORKDIR /opt/wbsync
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:20-slim
ENV NODE_ENV=production
COPY --from=build /opt/wbsync/node_modules /opt/wbsync/node_modules
COPY --from=build /opt/wbsync/dist /opt/wbsync/dist
COPY package.json /opt/wbsync/
COPY bin /opt/wbsync/bin
COPY src/redis/scripts /opt/wbsync/src/redis/scripts
COPY templates /opt/wbsync/templates
RUN ln -s /opt/wbsync/bin/wbsync /usr/local/bin/wbsync

# Recipes to deploy, and SQLite files, are mounted here.
WORKDIR /work
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["wbsync"]
CMD ["run", "--http", "8080", "--log-format", "json"]

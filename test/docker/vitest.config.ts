import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

// What needs a Docker engine: `npm run test:docker`, apart from `npm test`.
const config: ViteUserConfig = defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/docker/**/*.docker.ts'],
    testTimeout: 120_000,
    // The image is built before the first test.
    hookTimeout: 900_000,
    fileParallelism: false,
  },
})

export default config

import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'
import { tokensCss } from './web/ui/tokens.ts'

/** `import 'virtual:tokens.css'` is web/ui/tokens.ts printed as custom properties, so that there is no second list of colours to keep. */
const tokens: Plugin = {
  name: 'tokens',
  resolveId: id => (id === 'virtual:tokens.css' ? '\0tokens.css' : undefined),
  load: id => (id === '\0tokens.css' ? tokensCss() : undefined),
}

/** sm-crypto-v2 asks Node for random numbers where a browser has none; pages only verify. */
const noNode: Plugin = {
  name: 'no-node',
  enforce: 'pre',
  resolveId: id => (id === 'crypto' ? '\0no-node' : undefined),
  load: id => (id === '\0no-node' ? 'export default {}' : undefined),
}

export default defineConfig({
  root: 'web',
  base: '/',
  plugins: [react(), tokens, noNode],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'chrome90', // office machines of 2024 still run Chromium 90 to 110
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    chunkSizeWarningLimit: 1600,
    rolldownOptions: {
      input: { portal: 'web/portal.html', workbench: 'web/workbench.html' },
      output: {
        // What both front ends need is one file, Ant Design another, so that a page of the portal never fetches the latter.
        codeSplitting: {
          groups: [
            // Helpers of the compiler for old Chromium, used by everybody: left to chance they land in the file of Ant Design.
            { name: 'helpers', test: /@oxc-project/, priority: 4 },
            { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/, priority: 3 },
            { name: 'tanstack', test: /node_modules[\\/]@tanstack[\\/]/, priority: 2 },
            {
              name: 'antd',
              test: /node_modules[\\/](antd|@ant-design|@rc-component|@emotion|dayjs|stylis|throttle-debounce|scroll-into-view-if-needed|compute-scroll-into-view|json2mq|string-convert|clsx)[\\/]/,
              priority: 1,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/data': 'http://127.0.0.1:8080' } },
})

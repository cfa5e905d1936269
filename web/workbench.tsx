import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import 'virtual:tokens.css'
import { queryClient } from './app/query.ts'
import { router } from './app/router.tsx'
import { Antd } from './ui/Antd.tsx'
import './ui/base.css'
import './app/workbench.css'

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Antd>
        <RouterProvider router={router} />
      </Antd>
    </QueryClientProvider>
  </StrictMode>,
)

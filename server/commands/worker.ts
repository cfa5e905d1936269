import serve from './serve.ts'

export default (args: string[]): Promise<number> => serve([...args, '--roles', 'worker'])

;; Continuations entered again: a generator and its user take turns.
(define (make-generator n)
  (define return #f)
  (define (yield x)
    (call/cc
     (lambda (next) (set! resume (lambda () (next #f))) (return x))))
  (define (resume)
    (let loop ((i 0))
      (if (< i n) (begin (yield i) (loop (+ i 1)))))
    (return -1))
  (lambda ()
    (call/cc (lambda (k) (set! return k) (resume)))))

(define (sum-of next)
  (let loop ((sum 0))
    (let ((x (next))) (if (< x 0) sum (loop (+ sum x))))))

(check "generator" 4999950000 (bench "generator" (lambda () (sum-of (make-generator 100000)))))

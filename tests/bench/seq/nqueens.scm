;; All ways to put eleven queens on a board.
(define (safe? row distance placed)
  (cond ((null? placed) #t)
        ((= (car placed) row) #f)
        ((= (car placed) (+ row distance)) #f)
        ((= (car placed) (- row distance)) #f)
        (else (safe? row (+ distance 1) (cdr placed)))))

(define (place column n placed)
  (if (= column n)
      1
      (let try ((row 0) (count 0))
        (cond ((= row n) count)
              ((safe? row 1 placed)
               (try (+ row 1) (+ count (place (+ column 1) n (cons row placed)))))
              (else (try (+ row 1) count))))))

(check "nqueens" 2680 (bench "nqueens" (lambda () (place 0 11 (list)))))
